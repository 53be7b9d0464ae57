"""The data set of the source: who buys what, where and when, as a pure function of seed and clock."""
