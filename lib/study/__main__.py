"""``python -m lib.study`` prints the reference of all parameters (committed as params/README.md); with a file, checks it."""

from lib.errors import run_command
from lib.study.parameters import Study
from lib.study.reference import reference


def main(arguments: list[str]) -> None:
    print(Study.load(arguments[0]).model_dump_json(indent=1) if arguments else reference())


if __name__ == "__main__":
    run_command(main)
