"""Step 7: the data stores, and in them roles, databases, extensions and settings as declared."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.stack import DATA_STORES


@deploy("Databases")
def converge_databases(project: Project) -> None:
    """Have PostgreSQL and Redis running, and what is in them as declared."""
    stack.start(name="Start PostgreSQL and Redis", project=project, names=DATA_STORES)
    stack.converge_databases(name="Converge roles, databases and extensions", project=project)
    # Before prepare, which opens the onboarding when it seeds a new database and then closes it.
    stack.converge_redis(name="Converge Redis", project=project)
