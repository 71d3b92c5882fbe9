// Before anything is drawn, so that nothing flashes: the colours somebody has chosen, else those of the system.
const chosen = localStorage.getItem("kehu.scheme");
if (chosen) document.documentElement.dataset.scheme = chosen;
