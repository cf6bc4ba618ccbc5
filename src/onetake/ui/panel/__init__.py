"""The panel: a static page (html, css, js) and the native window that can show it."""
