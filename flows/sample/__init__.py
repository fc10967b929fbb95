"""The sample: invented posts with a planted outbreak, an outage, repeats and malformed records.

The only data Epilake ships, and it is made, not stored: `write_sample` writes files in the 16-column layout of the
public "vaccination tweets" sets, and a manifest that says exactly what is in them. Every person, sentence and number is
invented; the cities are real. Read in this order:

    vocabulary, places, phrases, names    what can be said, where, by whom
    authors, timeline, outbreak           who posts, when, and what is planted
    posts, engagement, repeats, defects   one day as numbers: its posts, their success, what is written twice or spoiled
    arrangement, records, files           all records in order, as text, as files
    tally, manifest                       what the files hold
    generator                             `write_sample`, the one door
"""

from flows.sample.generator import write_sample
from flows.sample.manifest import Manifest

__all__ = ["Manifest", "write_sample"]
