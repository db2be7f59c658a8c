"""The container files name what the package has."""

import re
import tomllib

import yaml

from chatvlmllm.config import Settings
from tests.docs import ROOT


def test_the_containers_name_what_there_is() -> None:
    """Extras, ports and paths of the Dockerfile and the compose file exist; both publish to this machine only."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    docker, text = ((ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yml"))
    for named in re.findall(r"EXTRAS[=:] ?\"?([a-z,]+)", docker + text):
        assert set(named.split(",")) <= set(extras)
    for copied in re.findall(r"^COPY (.+) \S+$", docker, re.MULTILINE):
        assert all((ROOT / path).exists() for path in copied.split())
    assert f":{Settings().server.port}/healthz" in docker
    services = yaml.safe_load(text)["services"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    # Streamlit's own address is the loopback, which inside a container nobody reaches from outside.
    assert services["ui"]["environment"]["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    # T-39: nothing comes back to life by itself.
    assert {service.get("restart", "no") for service in services.values()} == {"no"}
