"""The sample: invented posts with a planted outbreak, an outage, repeats and malformed records.

The only data Epilake ships, and it is made, not stored: `write_sample` writes files in the 16-column layout of the
public "vaccination tweets" sets, and a manifest that says exactly what is in them. Every person, sentence and number is
invented; the cities are real. Read in this order:

    phrases.toml, phrasebook    what can be said, in ten languages
    places, authors             where, and by whom
    drift                       what changes from one day on, if that is asked for
    plan                        what is planted, and how many posts each day holds
    posts                       one day as rows of whole numbers
    records                     rows as text: CSV, some of it malformed
    manifest                    what the files hold
    generator                   all rows in order, written to files: `write_sample`
"""

from flows.sample.generator import write_sample
from flows.sample.manifest import Manifest

__all__ = ["Manifest", "write_sample"]
