"""Kafka and the stream: a broker, how to speak to one, what a message holds, and what becomes of a micro-batch.

The flows are `flows.publish` and `flows.stream`; here is what they are made of. `messages` and `facts` are pure.
"""
