"""`python -m chatvlmllm` is the command `chatvlmllm`."""

from chatvlmllm.cli import main

if __name__ == "__main__":
    main()
