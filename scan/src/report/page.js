// Sorts and filters the table. Nothing is fetched, nothing is kept.
const table = document.querySelector('#things')
const body = table.tBodies[0]
const rows = [...body.rows]
const [find, show, system] = ['find', 'show', 'system'].map(id => document.getElementById(id))

function filter() {
  const words = find.value.toLowerCase().split(/\s+/)
  let seen = 0
  for (const row of rows) {
    const text = row.textContent.toLowerCase()
    const isIt =
      words.every(word => text.includes(word)) &&
      (show.value === '' || row.dataset.is.split(' ').includes(show.value)) &&
      (system.value === '' || row.dataset.system === system.value)
    row.hidden = !isIt
    if (isIt) seen += 1
  }
  document.getElementById('count').textContent = `${seen} of ${rows.length} shown`
}

function sortBy(head, column) {
  const isDown = head.getAttribute('aria-sort') === 'ascending'
  for (const each of table.tHead.rows[0].cells) each.removeAttribute('aria-sort')
  head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending')
  const valueOf = row => row.cells[column].dataset.v ?? row.cells[column].textContent.trim()
  const order = (a, b) => {
    const [x, y] = [valueOf(a), valueOf(b)]
    // What is not told stands last, whichever way.
    if (x === '' || y === '') return (x === '') - (y === '')
    return (isDown ? -1 : 1) * x.localeCompare(y, 'en', { numeric: true })
  }
  body.append(...rows.toSorted(order))
}

for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = head.textContent
  button.addEventListener('click', () => sortBy(head, column))
  head.replaceChildren(button)
}
for (const link of document.querySelectorAll('a[data-show]'))
  link.addEventListener('click', () => {
    show.value = link.dataset.show
    filter()
  })
for (const each of [find, show, system]) each.addEventListener('input', filter)
document.querySelector('.tools').addEventListener('submit', event => event.preventDefault())
document.querySelector('.tools').hidden = false
filter()
