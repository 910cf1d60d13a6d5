"""Files and data sets of tasks of other classes: small ones worked by hand, and every refusal in its one line."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from hypothesis import given
from hypothesis import strategies as st

from lib.datasets.formats.conll import read_file
from lib.datasets.formats.parts import Rows, read_text
from lib.datasets.formats.spans import check_tag, to_bio2
from lib.datasets.formats.squad import LEVELS, add_question
from lib.datasets.mixed import load_examples
from lib.errors import InputError
from lib.study.mixed import ColumnsTask, HubTask, Mixed
from lib.study.sections import Split

PARTS = ("train", "validation", "test")


def load(tmp_path, task: dict, split: Split | None = None):
    """The examples of one task, read beside a second one of the same source."""
    config = Mixed.model_validate({"loader": "mixed", "tasks": {"one": task, "two": task}})
    found = load_examples(config, split or Split(), tmp_path)
    assert list(found) == ["one", "two"] and found["one"].name == "one"
    for part in PARTS:  # the draw is the same twice, whatever the task is called
        rows = found["one"].split[part]
        assert rows.tolist() == found["two"].split[part].tolist() == sorted(set(rows.tolist()))
        assert rows.dtype == np.int64
    return found["one"]


def refusal(tmp_path, task: dict, split: Split | None = None) -> str:
    """The message that refuses a task, with the folder of its files left out."""
    with pytest.raises(InputError) as caught:
        load(tmp_path, task, split)
    return str(caught.value).replace(f"{tmp_path}/", "")


def write(tmp_path, **texts: str | bytes) -> dict:
    """Files of parts, as the parameter 'files'."""
    files = {}
    for part, text in texts.items():
        path = tmp_path / f"{part}.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        files[part] = [str(path)]
    return files


def many(sentence: str, number: int = 8) -> str:
    """So many sentences, or trees: '@' stands for a word that differs."""
    return "\n\n".join(sentence.replace("@", f"w{row}") for row in range(number)) + "\n"


# CoNLL


def conll(tmp_path, train: str | bytes, validation="a\tO\n", test="a\tO\n", **more) -> dict:
    return {"format": "conll", "files": write(tmp_path, train=train, validation=validation, test=test)} | more


def test_columns_with_tabs_blanks_and_documents(tmp_path):
    train = "-DOCSTART- -X- O\n\n" + many("@ NN B-per\nB NN I-per\nsaid V O", 8)
    lone_tab = "\ufeffRome\tNN\tB-loc\r\nO2 x\tNN\tO\r\n\t\r\n Bo\tNN\tB-per\r\nBo\tNN\tB-per"
    found = load(tmp_path, conll(tmp_path, train, lone_tab, "-DOCSTART-\nx y O\n-DOCSTART-\nz y I-per\nu y I-per"))
    assert (found.type, found.metric) == ("sequence_labelling", "span_f1")
    assert found.names == ["O", "B-loc", "B-per", "I-per"]
    assert found.inputs[0] == ["w0", "B", "said"] and found.targets[0] == [2, 3, 0]
    assert found.inputs[8:] == [["Rome", "O2 x"], ["Bo", "Bo"], ["x"], ["z", "u"]]
    assert found.targets[8:] == [[1, 0], [2, 2], [0], [2, 3]]
    assert [found.split[part].tolist() for part in PARTS] == [list(range(8)), [8, 9], [10, 11]]
    assert found.findings == {"tags that continue no span, made to begin one": 1, "tags that training lacks": 1}


def test_any_tags_of_any_column(tmp_path):
    found = load(tmp_path, conll(tmp_path, many("X @ 1\nB- b 2"), "X a 1", "B b 1", spans=False, word=1, tag=0))
    assert (found.metric, found.names) == ("accuracy", ["B", "B-", "X"]) and found.inputs[0] == ["w0", "b"]
    assert found.targets[0] == [2, 1] and found.findings == {"tags that training lacks": 1}


@pytest.mark.parametrize(
    ("given", "expected", "converted", "repaired"),
    [
        ([["B-a", "I-a", "O", "B-b"]], [["B-a", "I-a", "O", "B-b"]], 0, 0),
        ([["I-a", "I-a", "B-a", "O", "I-b", "I-a"]], [["B-a", "I-a", "B-a", "O", "B-b", "B-a"]], 3, 0),  # IOB1
        (
            [["B-a", "E-a", "S-a", "O"], ["B-b", "I-b", "E-b"]],
            [["B-a", "I-a", "B-a", "O"], ["B-b", "I-b", "I-b"]],
            3,
            0,
        ),
        ([["O", "I-a", "I-a"], ["B-b", "I-a"]], [["O", "B-a", "I-a"], ["B-b", "B-a"]], 0, 2),  # broken BIO2
        ([["S-a", "E-a", "I-a"]], [["B-a", "B-a", "B-a"]], 1, 2),
        ([["B-creative-work", "I-creative-work"]], [["B-creative-work", "I-creative-work"]], 0, 0),
    ],
)
def test_schemes_become_bio2(given, expected, converted, repaired):
    found, counts = to_bio2(given)
    assert found == expected and list(counts.values()) == [converted, repaired]


spans = st.lists(st.tuples(st.sampled_from("ab-"), st.integers(1, 4), st.booleans()), min_size=1, max_size=6)


@given(st.lists(spans, min_size=1, max_size=5))
def test_every_scheme_gives_back_the_spans_it_was_written_from(sentences):
    def tags(scheme: str) -> list[list[str]]:
        result = []
        for own in sentences:
            line: list[str] = []
            for kind, length, outside in own:
                alone = not line or line[-1].partition("-")[2] != kind
                words = ["I"] * length
                if scheme != "IOB1" or not alone:
                    words[0] = "B"
                if scheme == "BIOES":
                    words[-1] = "S" if length == 1 else "E"
                line += [f"{prefix}-{kind}" for prefix in words] + ["O"] * outside
            result.append(line)
        return result

    for scheme in ("BIO2", "IOB1", "BIOES"):
        for line in tags(scheme):
            for tag in line:
                check_tag("here", tag)
        found, counts = to_bio2(tags(scheme))
        assert found == tags("BIO2") and counts["tags that continue no span, made to begin one"] == 0
        changed = sum(
            a != b for own, bio in zip(tags(scheme), found, strict=True) for a, b in zip(own, bio, strict=True)
        )
        assert counts["tags converted to BIO2"] == changed and (scheme != "BIO2" or changed == 0)


NO_SCHEME = "is in no BIO scheme; write O, B-type or I-type, or set 'spans: false'"


@pytest.mark.parametrize(
    ("train", "more", "message"),
    [
        ("a\tO\nb\tX-person\n", {}, f"train.txt, line 2: the tag 'X-person' {NO_SCHEME}"),
        ("a\tO\n\nb\tB-\n", {}, f"train.txt, line 3: the tag 'B-' {NO_SCHEME}"),
        ("a\tB\n", {}, f"train.txt, line 1: the tag 'B' {NO_SCHEME}"),
        ("a\tO\nb c\tx\tO\n", {}, "train.txt, line 2: 3 columns, where earlier lines have 2; correct this line"),
        ("a O\n\nb\n", {}, "train.txt, line 3: 1 columns, where earlier lines have 2; correct this line"),
        (
            "a\n",
            {},
            "train.txt, line 1: column 0, counted from 0, is both word and tag; correct 'word' or 'tag', or "
            "separate columns by tabs or blanks",
        ),
        ("a O\n", {"tag": 2}, "train.txt, line 1: no column 2, counted from 0: it has 2; correct 'tag'"),
        ("a O\n", {"word": 3}, "train.txt, line 1: no column 3, counted from 0: it has 2; correct 'word'"),
        ("\tO\n", {}, "train.txt, line 1: no word; fill it in, or remove the line"),
        ("a\t\n", {}, "train.txt, line 1: no tag; fill it in, or remove the line"),
        (
            "x\tO\n\n" + "a\tO\n" * 1001,
            {},
            "train.txt, line 3: a sentence of 1,001 words, where at most 1,000 are allowed; separate sentences by "
            "empty lines",
        ),
        ("", {}, "train.txt: the file is empty; give a file with examples"),
        ("\0\n \n", {}, "train.txt: the file is empty; give a file with examples"),
        ("-DOCSTART-\n", {}, "train.txt: no examples; give a file that has some, in the format of its task"),
        (b"a\tO\n\xff\tO", {}, "train.txt: not UTF-8 (at byte 5); save the file as UTF-8"),
        (
            many("@\tO"),
            {},
            "task one: the only tag in training is O; give sentences with other tags, or correct which "
            "column is the tag",
        ),
        (many("@\tB-a", 7), {}, "task one: 7 training examples, where it needs at least 8; give more"),
    ],
)
def test_columns_that_are_refused(tmp_path, train, more, message):
    assert refusal(tmp_path, conll(tmp_path, train, **more)) == message


def test_a_thousand_words_are_a_sentence(tmp_path):
    path = write(tmp_path, train="a\tO\n" * 1000)["train"][0]
    rows = read_file(path, ColumnsTask(format="conll", files={"train": [path]}), Counter())
    assert len(rows.inputs[0]) == 1000


def test_files_that_are_not_there_or_given_twice(tmp_path):
    files = write(tmp_path, train="a\tO\n")
    task = {"format": "conll", "files": files | {"test": [f"{tmp_path}/../{tmp_path.name}/train.txt"]}}
    assert refusal(tmp_path, task).endswith("train.txt: given twice in 'files' of a task; give every file once")
    gone = {"format": "conll", "files": {"train": [str(tmp_path / "gone.txt")]}}
    assert refusal(tmp_path, gone) == "gone.txt: no such file (looked at gone.txt); correct 'files' of its task"
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\); give a file and check its permissions"):
        read_text(str(tmp_path))


def test_nul_characters_are_removed_and_counted(tmp_path):
    found = load(tmp_path, conll(tmp_path, many("@\0\0\tB-a\n.\tO")))
    assert found.inputs[0] == ["w0", "."] and found.findings["NUL characters removed"] == 16


# draws and caps


def test_a_draw_keeps_documents_together_and_is_the_same_twice(tmp_path):
    documents = ["-DOCSTART-\n\n" + many(f"@of{n}\tB-a\n.\tO", 3) for n in range(40)]
    task = {"format": "conll", "files": write(tmp_path, train="\n".join(documents))}
    found = load(tmp_path, task)
    homes = {part: {found.inputs[row][0].split("of")[1] for row in rows} for part, rows in found.split.items()}
    assert [len(found.split[part]) for part in PARTS] == [84, 12, 24]
    assert sum(map(len, homes.values())) == len(set.union(*homes.values())) == 40 and not found.findings
    other = load(tmp_path, task, Split(seed=1))
    assert other.split["test"].tolist() != found.split["test"].tolist()


def test_one_document_is_drawn_from_by_sentences_that_repeat_each_other(tmp_path):
    train = "-DOCSTART-\n\n" + many("@\tB-a", 30) + "\n" + many("@\tO", 30)
    found = load(tmp_path, {"format": "conll", "files": write(tmp_path, train=train)})
    assert found.findings == {"documents too few to draw parts from: sentences drawn": 30}
    words = [{found.inputs[row][0] for row in found.split[part]} for part in PARTS]
    assert [len(own) for own in words] == [21, 3, 6] and len(set.union(*words)) == 30


def test_documents_that_leave_a_part_less_than_half_its_share_are_not_drawn_whole(tmp_path):
    sizes = [160, 36, 4]
    train = "\n".join("-DOCSTART-\n\n" + many(f"@of{n}\tB-a\n.\tO", size) for n, size in enumerate(sizes))
    found = load(tmp_path, {"format": "conll", "files": write(tmp_path, train=train)})
    assert found.findings == {"documents too few to draw parts from: sentences drawn": 200}
    assert [len(found.split[part]) for part in PARTS] == [140, 20, 40]


def test_only_the_missing_part_is_drawn(tmp_path):
    files = write(tmp_path, train=many("@\tB-a\n.\tO", 40), test="a\tO")
    found = load(tmp_path, {"format": "conll", "files": files})
    assert [len(found.split[part]) for part in PARTS] == [36, 4, 1] and found.split["test"].tolist() == [40]


def test_shares_that_leave_a_part_nothing(tmp_path):
    task = {"format": "conll", "files": write(tmp_path, train=many("@\tB-a\n.\tO", 9))}
    assert refusal(tmp_path, task) == "task one: 6 training examples, where it needs at least 8; give more"
    task = {"format": "conll", "files": write(tmp_path, train=many("@\tB-a\n.\tO", 20))}
    assert refusal(tmp_path, task, Split(test=0)) == (
        "task one: 0 test examples, where it needs at least 1; give test examples, more training examples, or a larger "
        "split.test"
    )
    assert refusal(tmp_path, task, Split(test=0.6, validation=0.5)) == (
        "split.validation + split.test must be below 1, to leave texts for training"
    )


def test_repeats_across_parts_are_counted_and_dropped_when_clean(tmp_path):
    task = conll(tmp_path, many("@\tB-a\n.\tO"), "w3\tO\n.\tO\n\nb\tO", "c\tO\n\nb\tO")
    found = load(tmp_path, task)
    assert found.findings == {
        "near-duplicates of training texts in validation": 1,
        "near-duplicates of test texts in validation": 1,
    }
    assert refusal(tmp_path, task, Split(clean=True)).startswith("task one: 0 validation examples")


def test_a_larger_cap_holds_the_examples_of_a_smaller(tmp_path):
    task = conll(tmp_path, many("@\tB-a\n.\tO"), many("v@\tO", 60), many("t@\tO", 90))
    small = load(tmp_path, task, Split(max_validation=20, max_test=20, min_positives=3))
    large = load(tmp_path, task, Split(max_validation=40, max_test=50))
    for part, sizes in (("train", (8, 8)), ("validation", (20, 40)), ("test", (20, 50))):
        assert (len(small.split[part]), len(large.split[part])) == sizes
        assert set(small.split[part]) <= set(large.split[part])
    assert small.findings["test texts left out by max_test"] == 70
    assert small.split["test"].tolist() != list(range(68, 88))


def test_task_names_become_files(tmp_path):
    task = conll(tmp_path, many("@\tB-a\n.\tO"))
    config = Mixed.model_validate({"loader": "mixed", "tasks": {"a/b": task, "c": task}})
    with pytest.raises(InputError) as caught:
        load_examples(config, Split(), tmp_path)
    fault = "has a slash, backslash or control character"
    assert str(caught.value) == f"the task name 'a/b' {fault}; rename it under 'tasks'"


# CoNLL-U

TREE = """# sent_id = 1
1\t@\t_\tDET\tDT\t_\t2\tdet\t_\t_
2\tdogs\t_\tNOUN\tNNS\t_\t4\tnsubj:pass\t_\t_
3-4\tweren't\t_\t_\t_\t_\t_\t_\t_\t_
3\twere\t_\tAUX\tVBD\t_\t4\taux:pass\t_\t_
3.1\tgone\t_\tVERB\tVB\t_\t_\t_\t_\t_
4\tseen\t_\tVERB\tVBN\t_\t0\troot\t_\t_
5\tin 10 000\t_\tNUM\tCD\t_\t2\tnmod\t_\t_"""


def treebank(tmp_path, tags: str, train: str = many(TREE), **parts) -> dict:
    texts = {"validation": many(TREE, 1), "test": many(TREE, 1)} | parts
    return {"format": "conllu", "files": write(tmp_path, train=train, **texts), "tags": tags}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("upos", ["DET", "NOUN", "AUX", "VERB", "NUM"]),
        ("xpos", ["DT", "NNS", "VBD", "VBN", "CD"]),
        ("relation", ["det", "nsubj", "aux", "root", "nmod"]),
        ("parent_upos", ["NOUN", "VERB", "VERB", "ROOT", "NOUN"]),
        ("grandparent_upos", ["VERB", "ROOT", "ROOT", "ROOT", "VERB"]),
    ],
)
def test_tags_of_a_treebank(tmp_path, tags, expected):
    found = load(tmp_path, treebank(tmp_path, tags))
    assert found.inputs[3] == ["w3", "dogs", "were", "seen", "in 10 000"] and len(found.inputs) == 10
    assert [found.names[tag] for tag in found.targets[3]] == expected and found.names == sorted(set(expected))
    assert (found.type, found.metric) == ("sequence_labelling", "accuracy")


def test_documents_of_a_treebank_stay_together(tmp_path):
    ids = ["# newdoc id = d{}\n", "# newdoc\n"]
    train = "\n".join(ids[n % 2].format(n) + many(TREE.replace("@", f"@of{n}"), 4) for n in range(20))
    found = load(tmp_path, {"format": "conllu", "files": write(tmp_path, train=train), "tags": "upos"})
    homes = [{found.inputs[row][0].split("of")[1] for row in found.split[part]} for part in PARTS]
    assert list(map(len, homes)) == [14, 2, 4] and len(set.union(*homes)) == 20 and not found.findings


def test_a_document_goes_on_in_another_file(tmp_path):
    texts = [
        "\n".join(f"# newdoc id = d{n}\n" + many(TREE.replace("@", f"@{file}of{n}"), 2) for n in range(20))
        for file in ("a", "b")
    ]
    files = write(tmp_path, a=texts[0], b=texts[1])
    found = load(tmp_path, {"format": "conllu", "files": {"train": files["a"] + files["b"]}, "tags": "upos"})
    homes = [{found.inputs[row][0].split("of")[1] for row in found.split[part]} for part in PARTS]
    assert list(map(len, homes)) == [14, 2, 4] and len(set.union(*homes)) == 20


def line_of(word: int, head="0", upos="X", xpos="_") -> str:
    return f"{word}\ta\t_\t{upos}\t{xpos}\t_\t{head}\troot\t_\t_\n"


@pytest.mark.parametrize(
    ("train", "tags", "message"),
    [
        (
            "# a\n1\ta b\n",
            "upos",
            "train.txt, line 2: 2 columns, where CoNLL-U has 10, separated by tabs; correct this line",
        ),
        (
            line_of(1) + line_of(2, "3"),
            "parent_upos",
            "train.txt, line 2: the head '3' is not a word of the sentence, which has 2; correct this line",
        ),
        (
            line_of(1, "_"),
            "grandparent_upos",
            "train.txt, line 1: the head '_' is not a word of the sentence, which has 1; correct this line",
        ),
        (
            line_of(1),
            "xpos",
            "train.txt: every word has '_' for xpos; give a treebank with xpos, or choose other 'tags'",
        ),
        (
            line_of(1) + line_of(3),
            "upos",
            "train.txt, line 2: word number '3', where 2 comes next; number the words of a sentence from 1",
        ),
        (line_of(1, upos=""), "upos", "train.txt, line 1: an empty column; write '_' where there is nothing to say"),
        (
            "".join(line_of(n) for n in range(1, 1002)),
            "upos",
            "train.txt, line 1: a sentence of 1,001 words, where at most 1,000 are allowed; separate sentences by "
            "empty lines",
        ),
        ("# only a comment\n", "upos", "train.txt: no examples; give a file that has some, in the format of its task"),
    ],
)
def test_treebanks_that_are_refused(tmp_path, train, tags, message):
    assert refusal(tmp_path, treebank(tmp_path, tags, train)) == message


def test_heads_matter_only_where_they_are_asked_for(tmp_path):
    train = many(line_of(1, "_").replace("\ta\t", "\t@\t") + line_of(2, "9", upos="Y"))
    found = load(tmp_path, treebank(tmp_path, "upos", train))
    assert found.inputs[0] == ["w0", "a"] and [found.names[tag] for tag in found.targets[0]] == ["X", "Y"]


# SQuAD


def paragraph(context: str, *questions: dict) -> dict:
    return {"context": context, "qas": list(questions)}


def question(id: str, *answers: tuple, **more) -> dict:
    return {"id": id, "question": f"{id}?", "answers": [{"answer_start": s, "text": t} for s, t in answers]} | more


def articles(number: int, questions: int, start: str = "") -> list[dict]:
    """Articles of two paragraphs with so many questions each."""
    return [
        {
            "title": f"{start}title {n}",
            "paragraphs": [
                paragraph(f"{start}context {n} {p} here", *(question(f"{start}{n}-{p}-{q}", (0, f"{start}context"))
                for q in range(questions))) for p in range(2)
            ],
        } for n in range(number)
    ]  # fmt: skip


def squad(tmp_path, train: object, **parts) -> dict:
    content = {part: json.dumps({"data": data}) for part, data in ({"train": train} | parts).items()}
    return {"format": "squad", "files": write(tmp_path, **content)}


def test_questions_and_their_repairs(tmp_path):
    context = "\0Ö 😀 the cat saw \0the dog"  # without NUL: the at 4 and 16, cat at 8, dog at 20
    train = [{"paragraphs": [paragraph(
        context,
        question("right", (22, "dog")),
        question("shifted", (7, "cat"), (5, "the")),
        question("unplaced", (None, "saw")),
        question("beyond", (99, "😀")),
        question("none"),
        question("version 2", (9, "cat"), is_impossible=True),
    )]}, *articles(4, 1)]  # fmt: skip
    found = load(tmp_path, squad(tmp_path, train, validation=articles(1, 1, "v"), test=articles(1, 1, "t")))
    assert (found.type, found.metric, found.names) == ("question_answering", "f1", [])
    clean = "Ö 😀 the cat saw the dog"
    assert found.inputs[:4] == [(f"{name}?", clean) for name in ("right", "shifted", "unplaced", "beyond")]
    assert found.targets[:4] == [[(20, "dog")], [(8, "cat"), (4, "the")], [(12, "saw")], [(2, "😀")]]
    assert [len(found.split[part]) for part in PARTS] == [12, 2, 2]
    assert found.findings == {
        "answers found at another place of their context": 3,
        "questions without answers left out": 2,
    }


@given(st.text("ab\0", max_size=12), st.text("ab", min_size=1, max_size=3), st.text("ab\0", max_size=12))
def test_an_answer_stands_where_it_is_said_to(before, answer, after):
    rows, findings = Rows.by(*LEVELS), Counter()
    add_question(rows, "here", "q", before + answer + after, [(len(before), answer)], None, findings)
    ((_, context),), (((start, text),),) = rows.inputs, rows.targets
    assert context == (before + answer + after).replace("\0", "") and context[start : start + len(text)] == answer
    assert start == len(before.replace("\0", "")) and not findings


def test_articles_are_drawn_whole_else_paragraphs(tmp_path):
    found = load(tmp_path, squad(tmp_path, articles(20, 2)))
    homes = [{found.inputs[row][1].split()[1] for row in found.split[part]} for part in PARTS]
    assert list(map(len, homes)) == [14, 2, 4] and len(set.union(*homes)) == 20
    few = load(tmp_path, squad(tmp_path, articles(1, 8) + articles(1, 8, "a") + [
        {"paragraphs": [paragraph(f"p {n}", question(f"p{n}", (0, "p"))) for n in range(30)]}
    ]))  # fmt: skip
    assert few.findings == {"articles too few to draw parts from: paragraphs drawn": 34}
    contexts = [{few.inputs[row][1] for row in few.split[part]} for part in PARTS]
    assert sum(map(len, contexts)) == len(set.union(*contexts)) == 34


NOT_SQUAD = "not in SQuAD's format:"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [{"paragraphs": [paragraph("a b a", question("7", (1, "a")))]}],
            "train.txt, question '7': the answer 'a' is not at "
            "its place, and several times elsewhere, in its context; correct 'answer_start', or remove the question",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("7", (0, "c")))]}],
            "train.txt, question '7': the answer 'c' is not in "
            "its context; correct 'answer_start', or remove the question",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("7", (0, " ")))]}],
            "train.txt, question '7': an answer is empty or not text; correct it, or remove the question",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("7", (0, "a")), question("7", (0, "a")))]}],
            "train.txt, question '7': train.txt has this id as well; give every question an id of its own",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("", (0, "a")))]}],
            "train.txt, question '': it has no id; give every question an id of its own",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("7", (0, "a"), question=" "))]}],
            "train.txt, question '7': the question is empty; fill it in, or remove it",
        ),
        (
            [{"paragraphs": [paragraph("a b", question("7"))]}],
            "train.txt: no examples; give a file that has some, in the format of its task",
        ),
        ({}, f"train.txt: {NOT_SQUAD} 'data' is not a list; convert the file"),
        ([{"title": "x"}], f"train.txt, article 1: {NOT_SQUAD} 'paragraphs' is not a list; convert the file"),
        (["x"], f"train.txt, article 1: {NOT_SQUAD} 'paragraphs' is not a list; convert the file"),
        (
            [{"paragraphs": [{"qas": []}]}],
            f"train.txt, article 1, paragraph 1: {NOT_SQUAD} 'context' is not a text; convert the file",
        ),
        (
            [{"paragraphs": [paragraph("a", "b")]}],
            f"train.txt, article 1, paragraph 1: {NOT_SQUAD} a question is not an object; convert the file",
        ),
        (
            [{"paragraphs": [paragraph("a", {"id": 1})]}],
            f"train.txt, question '1': {NOT_SQUAD} 'question' is not a text; convert the file",
        ),
    ],
)
def test_questions_that_are_refused(tmp_path, data, message):
    assert refusal(tmp_path, squad(tmp_path, data)) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "{",
            "not valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); give a file in "
            "SQuAD's format",
        ),
        ('{"data": ["\\ud800"]}', "not valid JSON (half of a character); give a file in SQuAD's format"),
        ("[]", "not in SQuAD's format: it is not an object with 'data'; convert the file"),
    ],
)
def test_json_that_is_not_squad(tmp_path, content, message):
    assert refusal(tmp_path, {"format": "squad", "files": write(tmp_path, train=content)}) == f"train.txt: {message}"


# lines of text and label


def tsv(tmp_path, train: str, validation="v one\tno\n", test="t one\tyes\n", **more) -> dict:
    return {"format": "tsv", "files": write(tmp_path, train=train, validation=validation, test=test)} | more


def lined(*labels: str) -> str:
    return "".join(f'text "{row}\t{label}\n' for row, label in enumerate(labels * 8))


def test_lines_become_classes(tmp_path):
    found = load(tmp_path, tsv(tmp_path, lined("yes", " no"), test="\ufefft\u2028 one\tyes\r\n\n"))
    assert (found.type, found.metric, found.names) == ("classification", "accuracy", ["no", "yes"])
    assert found.inputs[0] == 'text "0' and found.targets[:3] == [1, 0, 1] and found.inputs[-1] == "t\u2028 one"
    header = {"header": True, "text": 2, "label": 0, "metric": "f1"}
    columns = [
        text.replace("\t", "\t-\t") for text in ("label\ttext\n" + "a\tx1 y\nb\tx2 y\n" * 4, "l\tt\na\tx", "l\tt\na\tx")
    ]
    other = load(tmp_path, tsv(tmp_path, *columns, **header))
    assert (other.metric, other.names, len(other.inputs)) == ("f1", ["a", "b"], 10) and other.inputs[1] == "x2 y"


def test_lines_become_numbers(tmp_path):
    found = load(tmp_path, tsv(tmp_path, lined("1", "-2.5e0"), "v one\t3", "t one\t0", regression=True))
    assert (found.type, found.metric, found.names) == ("regression", "pearson", [])
    assert found.targets[:2] == [1.0, -2.5] and found.targets[-2:] == [3.0, 0.0]


def test_texts_that_repeat_each_other_are_drawn_together(tmp_path):
    train = "".join(f"text {row} @you\t{row % 2}\nText {row}\t{row % 2}\n" for row in range(20))
    found = load(tmp_path, {"format": "tsv", "files": write(tmp_path, train=train)})
    assert [len(found.split[part]) for part in PARTS] == [28, 4, 8]
    assert all((np.bincount(rows // 2, minlength=20) != 1).all() for rows in found.split.values())


@pytest.mark.parametrize(
    ("train", "more", "message"),
    [
        ("a\tx\nb\n", {}, "train.txt, line 2: 1 columns, where line 1 has 2; correct this line"),
        ("a\tx\n\nb\ty", {}, "train.txt, line 2: 1 columns, where line 1 has 2; correct this line"),
        (
            "a\n",
            {},
            "train.txt, line 1: no column 1, counted from 0: it has 1; correct 'label', or separate columns by tabs",
        ),
        ("a\tx\n", {"text": 1}, "train.txt: column 1 is both text and label; correct 'text' or 'label' of the task"),
        ("a\tx\n \tx\n\tx\n", {}, "train.txt, line 2: the text is empty (2 such lines in all); remove them"),
        ("a\tx\nb\t\nc\tx", {}, "train.txt, line 2: the label is empty; fill it in, or remove the line"),
        (
            "1\tx\n2\ty\n",
            {},
            "train.txt: column '0': every cell is a number; correct 'text', the column with the texts",
        ),
        ("t\tl\n", {"header": True}, "train.txt: no examples; give a file that has some, in the format of its task"),
        (
            lined("yes"),
            {},
            "task one: 1 class in training (yes), where a task has 2 to 1,000; give examples of other "
            "classes, or correct which column is the label",
        ),
        (
            lined("no", "maybe"),
            {},
            "test.txt, line 1: no training example has the label 'yes'; give training examples of it, "
            "or leave out examples with it",
        ),
        (
            lined("no", "yes", "maybe"),
            {"metric": "f1"},
            "task one: metric f1 needs two classes, but there are 3; use macro_f1",
        ),
        (
            lined("1", "nan"),
            {"regression": True},
            "train.txt, line 2: the label 'nan' is not a finite number; correct it, or remove the example",
        ),
        (
            lined("1e999"),
            {"regression": True},
            "train.txt, line 1: the label '1e999' is not a finite number; correct it, or remove the example",
        ),
        (
            lined("good"),
            {"regression": True},
            "train.txt, line 1: the label 'good' is not a finite number; correct it, or remove the example",
        ),
    ],
)
def test_lines_that_are_refused(tmp_path, train, more, message):
    assert refusal(tmp_path, tsv(tmp_path, train, **more)) == message


def test_a_constant_cannot_be_predicted(tmp_path):
    task = tsv(tmp_path, lined("2"), "a\t1", "b\t1", regression=True)
    assert refusal(tmp_path, task) == "task one: every training label is 2.0; give examples with other values"


def test_long_and_nul_texts_are_mended(tmp_path):
    found = load(tmp_path, tsv(tmp_path, lined("no", "yes") + "a\0b\tn\0o\n" + "x" * 100_001 + "\tno\n"))
    assert found.inputs[16] == "ab" and len(found.inputs[17]) == 100_000 and found.targets[16] == 0
    assert found.findings == {"texts freed of NUL characters": 1, "texts cut to 100,000 characters": 1}


# labels of a corpus


def corpus(tmp_path, frame: pd.DataFrame, **more) -> dict:
    frame.to_csv(tmp_path / "own.csv", index=False)
    return {"format": "corpus", "corpus": {"loader": "table", "path": str(tmp_path / "own.csv")} | more}


def test_a_label_against_the_rest(tmp_path):
    rows = np.arange(60)
    frame = pd.DataFrame(
        {"text": [f"said {row}" for row in rows], "fire": (rows % 3 == 0) * 1, "flood": (rows % 2) * 1}
    )
    task = corpus(tmp_path, frame) | {"label": "fire"}
    found = load(tmp_path, task)
    assert (found.type, found.metric, found.names) == ("classification", "f1", ["other", "fire"])
    assert found.targets == (rows % 3 == 0).astype(int).tolist() and found.inputs[2] == "said 2"
    assert [len(found.split[part]) for part in PARTS] == [42, 6, 12]
    assert load(tmp_path, task | {"label": "flood"}).split["test"].tolist() == found.split["test"].tolist()
    assert load(tmp_path, corpus(tmp_path, frame.rename(columns={"fire": "other"})) | {"label": "other"}).names[0] == (
        "not other"
    )
    assert refusal(tmp_path, task | {"label": "fires"}) == "own: no label 'fires'; did you mean other or flood?"


def test_classes_of_a_corpus_in_its_own_split(tmp_path):
    kinds = ["b", "a", "a;b", "", "c"] * 10
    part = ["test" if row % 5 == 4 else "validation" if row > 40 else "train" for row in range(50)]
    part[0], part[1] = "test", "test"
    frame = pd.DataFrame({"text": [f"said {row}" for row in range(50)], "kind": kinds, "part": part})
    task = corpus(tmp_path, frame, classes="kind", separator=";", split="part")
    found = load(tmp_path, task | {"classes": ["b", "a"]})
    assert (found.metric, found.names, len(found.inputs)) == ("accuracy", ["a", "b"], 20)
    assert found.inputs[:3] == ["said 0", "said 1", "said 5"] and found.targets[:4] == [1, 0, 1, 0]
    assert found.split["test"].tolist() == [0, 1] and found.split["validation"].tolist() == [17, 18, 19]
    assert found.findings["texts of none or several of the classes left out"] == 30
    assert refusal(tmp_path, task | {"classes": ["a", "a"]}) == "own: label 'a' is in 'classes' twice; name it once"
    assert refusal(tmp_path, task | {"classes": ["a", "b", "c"]}) == (
        "own: no training text has only 'c' of the 'classes'; leave it out of 'classes', or leave out those that go "
        "together with it"
    )


# hub


def keep(folder, split: str, columns: dict, features: Features | None = None) -> None:
    folder.mkdir(exist_ok=True)
    Dataset.from_dict(columns, features=features).to_parquet(str(folder / f"{split}.parquet"))


def hub(tmp_path, kind: str, **more) -> dict:
    return {"format": "hub", "path": str(tmp_path / "set"), "type": kind} | more


def glue(tmp_path, test: list[int], train: list[int] | None = None) -> dict:
    """Pairs of texts as those of MRPC, whose declared order of classes is not the alphabet's."""
    features = Features({
        "first": Value("string"), "second": Value("string"), "label": ClassLabel(names=["unlike", "alike", "never"]),
    })  # fmt: skip
    for split, labels in (("train", train or [0, 1] * 20), ("validation", [1, 0]), ("test", test)):
        columns = {
            "first": [f"{split} {n}" for n in range(len(labels))],
            "second": ["b"] * len(labels),
            "label": labels,
        }
        keep(tmp_path / "set", split, columns, features)
    return hub(tmp_path, "classification", text="first", second_text="second", metric="f1")


def test_pairs_of_texts_and_a_test_split_without_labels(tmp_path):
    found = load(tmp_path, glue(tmp_path, [-1] * 5))
    assert (found.metric, found.names, found.inputs[3]) == ("f1", ["unlike", "alike"], ("train 3", "b"))
    assert [len(found.split[part]) for part in PARTS] == [32, 2, 8] and found.split["test"].max() < 40
    assert found.targets[:2] == [0, 1] and found.findings == {"test examples without labels left out": 5}
    assert len(load(tmp_path, glue(tmp_path, [1, -1, 0])).split["test"]) == 2
    unlabelled = load(tmp_path, glue(tmp_path, [0, 1], [-1, 0, 1] * 4))
    assert len(unlabelled.split["train"]) == 8 and unlabelled.findings == {"examples without a label left out": 4}


def test_a_split_that_tests_in_place_of_the_one_called_so(tmp_path):
    task = glue(tmp_path, [-1] * 5)
    found = load(tmp_path, task | {"test": "validation"})
    assert [len(found.split[part]) for part in PARTS] == [36, 4, 2]
    assert [found.inputs[row][0] for row in found.split["test"]] == ["validation 0", "validation 1"]
    assert found.findings == {"examples of other splits left out": 5}
    swapped = load(tmp_path, glue(tmp_path, [0, 1, 0]) | {"validation": "test", "test": "validation"})
    assert [len(swapped.split[part]) for part in PARTS] == [40, 3, 2] and not swapped.findings
    assert refusal(tmp_path, task | {"test": "tests"}) == (
        "set: no split 'tests'; its splits are train, validation, test; correct 'test'"
    )
    for named in ({"test": "train"}, {"validation": "dev", "test": "dev"}):
        with pytest.raises(ValueError, match="must be two splits, and neither may be 'train'"):
            HubTask(**task | named)


def test_texts_with_strings_or_numbers_as_labels(tmp_path):
    for split, count in (("train", 24), ("dev", 2), ("extra", 3)):
        texts = [f"{split} {n}" if n else "" for n in range(count)]
        keep(tmp_path / "set", split, {"text": texts, "label": ["x", "y"] * (count // 2) + ["x"] * (count % 2),
                                       "score": [float(n) for n in range(count)]})  # fmt: skip
    listed = "".join(f"\n  - split: {split}\n    path: {split}.parquet" for split in ("train", "dev", "extra"))
    (tmp_path / "set" / "README.md").write_text(f"---\nconfigs:\n- config_name: plain\n  data_files:{listed}\n---\n")
    found = load(tmp_path, hub(tmp_path, "classification", subset="plain"))
    assert found.names == ["x", "y"] and len(found.split["validation"]) == 1 and len(found.split["test"]) == 5
    assert found.findings == {"examples of other splits left out": 3, "examples with an empty text left out": 2}
    numbers = load(tmp_path, hub(tmp_path, "regression", label="score", metric="spearman"))
    assert (numbers.metric, numbers.targets[0]) == ("spearman", 1.0)


@pytest.mark.parametrize("numbered", [True, False])
def test_words_with_tags(tmp_path, numbered):
    """As conll2003 (numbers of declared tags) and as others (strings), with an empty sentence."""
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    features = Features({"tokens": List(Value("string")), "tags": List(ClassLabel(names=names))})
    for split, count in (("train", 9), ("validation", 2), ("test", 2)):
        tags = [[1, 2, 0] if n else [] for n in range(count)]
        tags = tags if numbered else [[names[tag] for tag in own] for own in tags]
        tokens = [[f"{split}{n}", "b", "c"] if n else [] for n in range(count)]
        keep(tmp_path / "set", split, {"tokens": tokens, "tags": tags}, features if numbered else None)
    found = load(tmp_path, hub(tmp_path, "sequence_labelling", text="tokens", label="tags"))
    assert (found.metric, found.names, found.targets[0]) == ("span_f1", ["O", "B-PER", "I-PER"], [1, 2, 0])
    assert found.inputs[0] == ["train1", "b", "c"] and found.findings == {"sentences without words left out": 3}
    assert (
        load(tmp_path, hub(tmp_path, "sequence_labelling", text="tokens", label="tags", spans=False)).metric
        == "accuracy"
    )


@pytest.mark.parametrize("listed", [True, False])
def test_questions_of_the_hub(tmp_path, listed):
    """Answers as an object of two lists, as those of SQuAD, and as a list of objects."""
    for split, count in (("train", 30), ("validation", 3)):
        answers = [[{"text": "is", "answer_start": 5}] if n else [] for n in range(count)]
        if not listed:
            answers = [
                {"text": [a["text"] for a in own], "answer_start": [a["answer_start"] for a in own]} for own in answers
            ]
        columns = {
            "id": [f"{split}{n}" for n in range(count)], "title": [f"{n // 2}" for n in range(count)],
            "context": [f"this is {split} {n}" for n in range(count)], "question": ["what?"] * count, "answers": answers,
        }  # fmt: skip
        keep(tmp_path / "set", split, columns)
    found = load(tmp_path, hub(tmp_path, "question_answering", text="context", label="answers"))
    assert found.inputs[0] == ("what?", "this is train 1") and found.targets[0] == [(5, "is")]
    assert [len(found.split[part]) for part in PARTS] == [23, 2, 6]
    assert found.findings == {"questions without answers left out": 2}


@pytest.mark.parametrize("placed", [True, False])
def test_answers_with_both_ends_or_without_places(tmp_path, placed):
    """As those of MRQA 2019, whose last characters count, and as those of DuoRC."""
    ends = [{"start": [9, 0], "end": [10, 1]}, {"start": [3], "end": [6]}]
    answers = ends if placed else ["here", "that", "is"]
    columns = {
        "context": [f"is here, is it? {n}" for n in range(30)],
        "question": ["q"] * 30,
        "answers": [answers] * 29 + [[]],
    }
    keep(tmp_path / "set", "train", columns)
    found = load(tmp_path, hub(tmp_path, "question_answering", text="context", label="answers"))
    assert found.targets[0] == ([(9, "is"), (0, "is"), (3, "here")] if placed else [(3, "here"), (0, "is")])
    left_out = {} if placed else {"answers that are not in their context left out": 29}
    unanswered = {"questions without answers left out": 1}
    assert left_out | unanswered == {key: n for key, n in found.findings.items() if "answers" in key}


def test_answers_as_json_lines(tmp_path):
    (tmp_path / "set").mkdir()
    rows = [
        {"context": f"is {n}", "question": "q", "answers": {"text": ["is"], "answer_start": [2]}} for n in range(30)
    ]
    (tmp_path / "set" / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = load(tmp_path, hub(tmp_path, "question_answering", text="context", label="answers"))
    assert found.targets[0] == [(0, "is")] and found.findings == {"answers found at another place of their context": 30}


@pytest.mark.parametrize(
    ("kind", "columns", "more", "message"),
    [
        (
            "classification",
            {"text": ["a"], "labels": ["x"]},
            {},
            "set: no column 'label'; did you mean 'labels'? its columns are 'text', 'labels'",
        ),
        (
            "classification",
            {"text": ["a"], "label": [["x"]]},
            {},
            "set, train, row 1: the label is not a single value; choose a column with one label for each text as 'label'",
        ),
        (
            "classification",
            {"text": [f"a {n}" for n in range(30)], "label": [0, 1] * 15},
            {"metric": "pearson"},
            "task one: metric 'pearson' does not judge classification; use accuracy, f1, macro_f1, matthews",
        ),
        (
            "regression",
            {"text": ["a"], "label": ["x"]},
            {},
            "set, train, row 1: the label 'x' is not a finite number; correct it, or remove the example",
        ),
        (
            "sequence_labelling",
            {"text": [["a"], ["b", "c"]], "label": [["O"], ["O"]]},
            {},
            "set, train, row 2: not a list of words and one of as many tags; correct 'text' and 'label'",
        ),
        ("sequence_labelling", {"text": [["a"]], "label": [["Q"]]}, {}, f"set, train, row 1: the tag 'Q' {NO_SCHEME}"),
        (
            "sequence_labelling",
            {"text": [[f"a{n}", "b"] for n in range(30)], "label": [["Q", "R"]] * 30},
            {"spans": False, "metric": "span_f1"},
            "task one: metric span_f1 needs tags that mark spans; use accuracy, or set 'spans: true'",
        ),
        (
            "sequence_labelling",
            {"text": [["a"]], "label": [[None]]},
            {},
            "set, train, row 1: a word has no tag; choose another column as 'label', or a data set with all tags",
        ),
        (
            "question_answering",
            {"text": ["a"], "question": ["b"], "label": ["c"]},
            {},
            "set, train, row 1: no answers with 'text' and 'answer_start'; choose the column with them as 'label'",
        ),
        (
            "question_answering",
            {"id": ["7"], "text": ["a"], "question": ["b"], "label": [[{"text": "c", "answer_start": 0}]]},
            {},
            "set, train, question '7': the answer 'c' is not in its context; correct 'answer_start', or remove the question",
        ),
        (
            "question_answering",
            {"text": [" "], "question": ["b"], "label": [[{"text": "c", "answer_start": 0}]]},
            {},
            "set, train, row 1: the question or its context is empty or not text; correct 'text' and 'question'",
        ),
    ],
)
def test_data_sets_that_are_refused(tmp_path, kind, columns, more, message):
    keep(tmp_path / "set", "train", columns)
    assert refusal(tmp_path, hub(tmp_path, kind, **more)) == message


def test_a_data_set_without_training_or_not_there(tmp_path):
    keep(tmp_path / "set", "test", {"text": ["a"], "label": ["x"]})
    assert refusal(tmp_path, hub(tmp_path, "classification")) == (
        "set: its splits are test; none is called train; choose another data set or 'subset'"
    )
    assert refusal(tmp_path, hub(tmp_path, "classification") | {"path": "no/folder"}) == (
        "no/folder: no such folder; for a data set of the hub give its commit as 'revision'"
    )
