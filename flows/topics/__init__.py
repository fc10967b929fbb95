"""Topics: what is watched for, as versioned YAML with one small query language.

This package owns what a topic is, which posts are about it, and what each source is asked for so that no such post is
missed. It is pure but for reading the topic file: it knows no source's client, no table and no clock.

    topics.yaml      the topics that Epilake ships, with words of nine languages
    topic            a topic: name, version, meaning, one query per language
    expression       what a query means, as a tree; the way back to text
    query            the grammar; complaints: its errors, each in one sentence
    load             a topic file, checked
    folding, leaves  how a text and a word are compared
    match            which texts are about which topics: the one judge, for every source
    widen, split     a query cut down to what a source can be asked, always wider than the topic, never narrower
    asked            queries written as requests; twitter_search and translate: what each source takes
    silence          whether a query has yielded nothing for longer than its history explains
"""

from flows.topics.asked import Asked
from flows.topics.load import load_topic_list, load_topics
from flows.topics.match import compile_topic, identify_list, match_topics
from flows.topics.silence import is_silence_alarming
from flows.topics.topic import Topic, TopicList, TopicQuery
from flows.topics.translate import translate

__all__ = [
    "Asked",
    "Topic",
    "TopicList",
    "TopicQuery",
    "compile_topic",
    "identify_list",
    "is_silence_alarming",
    "load_topic_list",
    "load_topics",
    "match_topics",
    "translate",
]
