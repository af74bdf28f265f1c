-- Which benchmarks directory brought a benchmark's file: only a sync of that directory archives the benchmark when the
-- file is gone. A server with other files leaves it alone.

ALTER TABLE benchmarks ADD COLUMN directory text;
COMMENT ON COLUMN benchmarks.directory IS
    'The name of the benchmarks directory that brought the file; null without a file, and before a sync has seen it';
