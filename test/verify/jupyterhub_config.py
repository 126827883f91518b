# A JupyterHub with one user and nothing in front of it, for the connector of declared systems.
import os

from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    """The Hub is asked itself."""

    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {"/": {"routespec": "/", "target": "", "data": {"hub": True}}}


services = {name: os.environ[f"HUB_{name.upper()}"] for name in ("admin", "probe", "oracle")}

c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.cookie_secret = os.urandom(32)
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": name, "api_token": token} for name, token in services.items()]
c.JupyterHub.load_roles = [
    {"name": "desk", "scopes": ["self"], "users": ["desk"]},
    # What docs/connectors/declared.md tells an administrator to give, and what the tests look with.
    {"name": "leases", "scopes": ["tokens"], "services": ["admin", "oracle"]},
]
