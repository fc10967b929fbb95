"""What may be stored of a person, decided before the first write.

A policy (`policies/*.yaml`, or a file of the user's own) says per kind of field, and where need be per source and
field, what is kept; `protect` applies it to what a source has read, in memory, before anything reaches the disk. What a
policy refuses is counted and not stored. Identities are replaced by keyed hashes, whose secret never enters the lake.
"""
