// What scrolls sideways can be reached by keyboard: wide formulas, tables and code.
const reachable = () =>
  document.querySelectorAll('article mjx-container, article pre, article .cell_output > div').forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  });
window.addEventListener('load', () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(reachable));
window.addEventListener('resize', reachable);
