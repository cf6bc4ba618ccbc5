"""Write every generated page: `python -m scripts.reference`."""

from __future__ import annotations

from scripts.reference.pages import HOME, pages


def main() -> None:
    """Write the pages that changed and name them."""
    for path, text in pages().items():
        whole = HOME / path
        if not whole.exists() or whole.read_text(encoding="utf-8") != text:
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main()
