"""Servers on the loopback address that speak a network's protocol, and what a client got from them.

They stand apart from the tests, because the tests of one network are more than one file.
"""
