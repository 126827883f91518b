// Loads the page again when the notebook was saved, or what it may read has changed.
const shown = document.documentElement.dataset.state
setInterval(async () => {
  const now = await fetch('/state')
    .then(answer => answer.text())
    .catch(() => shown)
  if (now !== shown) location.reload()
}, 1000)
