"""``python -m lib.study`` prints params/README.md; with a study's name or file, it checks it and prints all its values."""

from lib.errors import run_command
from lib.study.parameters import Study
from lib.study.reference import reference


def main(arguments: list[str]) -> None:
    print(Study.load(arguments[0]).as_yaml() if arguments else reference(), end="")


if __name__ == "__main__":
    run_command(main)
