// Before anything is drawn, so that nobody sees the other colours for a moment. A file of its own: the
// policy of the page lets no script stand inside it.
{
  let theme = null
  try {
    theme = localStorage.getItem('theme')
  } catch {
    // Storage may be forbidden; then the system's colours it is.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
}
