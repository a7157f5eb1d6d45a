"""Step 6: the data stores, and in them roles, databases and extensions as declared."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.stack import DATA_STORES


@deploy("Databases")
def converge_databases(project: Project) -> None:
    """Have PostgreSQL and Redis running, and the databases as declared."""
    stack.start(name="Start PostgreSQL and Redis", project=project, names=DATA_STORES)
    stack.converge_databases(name="Converge roles, databases and extensions", project=project)
