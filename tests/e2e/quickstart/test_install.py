from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quickstart import install

pytestmark = pytest.mark.e2e

INSTALL = Path(install.__file__)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "requirements.txt").write_text("one==1\n    # via two\ntwo==2\n")
    return folder


@pytest.fixture
def environment(root: Path) -> Path:
    folder = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def test_another_python_is_refused_with_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 4, "final", 0))
    with pytest.raises(install.InstallationError, match=r"is Python 3\.12\.4; the pinned requirements need 3\.11\."):
        install.check_python()


def test_a_python_without_the_venv_package_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(install.InstallationError, match=r"apt-get install python3\.11-venv"):
        install.check_python()


def test_an_installation_is_another_one_after_a_lock_file_changed_or_the_folder_moved(root: Path) -> None:
    before = install.fingerprint(root, ["requirements.txt"])
    moved = root.with_name("moved")
    shutil.copytree(root, moved)
    assert install.fingerprint(moved, ["requirements.txt"]) != before
    (root / "requirements.txt").write_text("one==2\n")
    assert install.fingerprint(root, ["requirements.txt"]) != before


def test_nothing_is_done_when_nothing_changed(
    root: Path, environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment / ".installed-requirements").write_text(install.fingerprint(root, ["requirements.txt"]))
    install.install(root, ["-r", "requirements.txt"])
    assert capsys.readouterr().out == ""
    assert not (root / ".local").exists()


def test_an_environment_whose_python_is_gone_is_not_current(root: Path, environment: Path) -> None:
    stamp = environment / ".installed-requirements"
    stamp.write_text("same")
    assert install.is_current(stamp, "same")
    (environment / "bin" / "python").unlink()
    assert not install.is_current(stamp, "same")


def test_an_environment_of_this_place_and_python_is_kept(environment: Path) -> None:
    (environment / "kept").touch()
    install.create_environment(environment)
    assert (environment / "kept").exists()


def test_an_environment_of_another_place_is_replaced(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = install.run
    monkeypatch.setattr(install, "run", lambda command: run([*command, "--without-pip"]))  # pip takes ten seconds
    (environment / "old").touch()
    moved = environment.rename(environment.parent.with_name("b folder"))
    install.create_environment(moved)
    assert not (moved / "old").exists()
    assert (moved / "bin" / "python").exists()


def test_a_link_to_the_environment_of_another_place_is_refused_and_that_one_kept(
    tmp_path: Path, environment: Path
) -> None:
    link = tmp_path / "elsewhere" / ".venv"
    link.parent.mkdir()
    link.symlink_to(environment)
    with pytest.raises(install.InstallationError, match="Remove the link"):
        install.create_environment(link)
    assert (environment / "bin" / "python").exists()


def test_the_project_can_be_imported_from_any_folder_also_from_a_path_with_spaces(
    root: Path, environment: Path, tmp_path: Path
) -> None:
    (root / "found_it.py").write_text("print('found')")
    install.put_on_path(environment, [root, root / "plugins"])
    command = [str(environment / "bin" / "python"), "-m", "found_it"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "found\n"


def test_a_second_installation_waits_for_the_first(tmp_path: Path) -> None:
    lock = tmp_path / ".local" / "install.lock"
    code = (
        f"import sys; sys.path.insert(0, {str(INSTALL.parent)!r}); import install\n"
        f"from pathlib import Path\n"
        f"with install.exclusive(Path({str(lock)!r})): print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "in\n"
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "Another make is installing into .venv; waiting for it.\n"
            assert second.poll() is None
            first.communicate()
            assert second.stdout.read() == "in\n"


def test_a_failed_step_is_a_sentence_with_its_exit_code() -> None:
    with pytest.raises(install.InstallationError, match="failed with exit code 3"):
        install.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_installer_needs_nothing_installed() -> None:
    command = [sys.executable, "-I", "-S", str(INSTALL), "--help"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
