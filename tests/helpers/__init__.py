"""What tests share. Each module says in its first line what it gives to tests; none of them is a fixture.

Fixtures are in the `conftest.py` of the folder that uses them. Programs that tests start as processes are here:
`fake_runner`, `fake_llm` and `upstream_runner` need nothing but the standard library.
"""
