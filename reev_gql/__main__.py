"""`python -m reev_gql` is `reev-gql`."""

from reev_gql import main

if __name__ == "__main__":
    main()
