-- Workers that nothing refers to are forgotten: who refers to one is found without reading every execution.
CREATE INDEX executions_of_worker ON executions (worker_id) WHERE worker_id IS NOT NULL;

COMMENT ON TABLE workers IS
    'The worker processes there were; those whose heartbeat is fresh are at work, those that nothing refers to are deleted some time after they left';
