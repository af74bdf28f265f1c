"""A history test: clients work while programs are killed, stopped and cut off at random; then a checker proves
that no promise was broken. `make chaos` executes one of any length.

`clients` and `nemesis` act, `programs` and `deployment` keep the servers and workers, `history` and `facts`
hold what happened and what is stored, `checker` compares them. `gates` and `test_kill_points` stop a program at
an exact point.
"""
