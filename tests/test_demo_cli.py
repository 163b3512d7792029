from pathlib import Path

from click.testing import CliRunner

from demo.cli import demo


def test_what_is_in_a_folder_already_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "network.toml"
    mine.write_text("mine")
    played = CliRunner().invoke(demo, ["--keep", str(tmp_path)])
    assert played.exit_code == 2
    assert "new or empty" in played.output
    assert [mine] == list(tmp_path.iterdir())
    assert mine.read_text() == "mine"
