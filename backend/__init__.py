"""The source system: a retail API whose data set is a pure function of a seed, an id and a clock."""
