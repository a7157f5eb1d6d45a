"""Step 7: the data stores, and in them roles, databases, extensions and settings as declared."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.services import postgresql, redis
from tasks.states import converge


@deploy("Databases")
def converge_databases(project: Project) -> None:
    """Have PostgreSQL and Redis running, and what is in them as declared."""
    names = (postgresql.NAME, redis.NAME)
    stack.start(name="Start PostgreSQL and Redis", project=project, names=names)
    converge(project, postgresql.SERVICE)
    # Before prepare, which opens the onboarding when it seeds a new database and then closes it.
    converge(project, redis.SERVICE)
