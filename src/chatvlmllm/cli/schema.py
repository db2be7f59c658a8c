"""`chatvlmllm schema`."""

import typer


def command() -> None:
    """Print the JSON Schema of a run."""
    import json

    from chatvlmllm.run import json_schema

    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))
