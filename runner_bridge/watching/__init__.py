"""Wake-ups when files of a directory change.

Here lives the watch itself: inotify on Linux, `watchfiles` elsewhere. What is done with a changed file is decided
by those who follow the watch: `tool_logs`, `observing` and `worker`.
"""
