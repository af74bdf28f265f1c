CREATE TYPE token_scope AS ENUM ('READ', 'RUN', 'ADMIN');
COMMENT ON TYPE token_scope IS
    'READ sees everything, RUN starts and stops executions too, ADMIN changes benchmarks and agents too';

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CONSTRAINT token_name_is_safe CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    scope token_scope NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
CREATE UNIQUE INDEX api_token_name_is_used_once ON api_tokens (name) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_tokens IS 'Who may use the API; revoked ones stay, to be told apart from unknown ones';
COMMENT ON COLUMN api_tokens.sha256 IS 'Of 256 random bits, which nobody can guess: a slow hash would protect nothing more';
COMMENT ON COLUMN api_tokens.last_used_at IS 'To within some seconds: a server remembers a token for a moment';
