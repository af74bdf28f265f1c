-- Executions that came from the database of another program, which has ended with them.
ALTER TYPE execution_origin ADD VALUE 'IMPORTED';

COMMENT ON TABLE execution_results IS
    'The session file of an execution as it was read, steps excluded, or the rows that an imported one was made of; at most one each';
