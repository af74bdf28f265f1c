"""Tests of faults: connections that are cut, servers that stop, processes that stall, answers that are lost."""
