"""`python -m catalogs check`: exit codes, text and JSON."""

from __future__ import annotations

import json

import pytest

from catalogs.__main__ import main


def test_check_of_the_shipped_catalogue_exits_0_and_counts(capsys):
    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith("no fault: 20 departments, 9 resources, ")


def test_check_json_of_a_broken_catalogue_exits_1_and_lists_faults(capsys, spoil):
    spoil("codes/divisions_sample.csv", "990201 990202", "990299")
    root = spoil("organs.yaml", "sample: true", "sample: true\ncolour: red")
    assert main(["check", "--json", "--root", str(root)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [fault.split(":")[0] for fault in said["faults"]] == ["organs.yaml", "codes/divisions_sample.csv"]


def test_check_text_of_a_broken_catalogue_puts_faults_on_stderr(capsys, spoil):
    root = spoil("organs.yaml", "sample: true", "sample: true\ncolour: red")
    assert main(["check", "--root", str(root)]) == 1
    said = capsys.readouterr()
    assert said.out == "1 fault(s)\n"
    assert "unknown key colour" in said.err


def test_check_of_no_folder_exits_2(tmp_path):
    with pytest.raises(SystemExit) as caught:
        main(["check", "--root", str(tmp_path / "nothing")])
    assert caught.value.code == 2
