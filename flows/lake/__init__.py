"""The lake: the one door to Spark, the contracts of the tables that Python writes, and the only writes."""
