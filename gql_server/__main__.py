"""`python -m gql_server` is `reev-gql`."""

from gql_server.cli.main import main

if __name__ == "__main__":
    main()
