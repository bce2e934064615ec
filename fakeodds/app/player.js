// The video beside its scores: it is played from the file that was chosen, in the browser; the
// server has deleted its copy. A line in each chart follows it, and the charts seek in it.
() => {
  const chosen = [];

  const keep = (event, files) => {
    const zone = event.target instanceof Element && event.target.closest("#fo-video");
    if (zone && files?.length) chosen.splice(0, chosen.length, ...files);
  };
  document.addEventListener("change", (event) => keep(event, event.target.files), true);
  document.addEventListener("drop", (event) => keep(event, event.dataTransfer?.files), true);

  const seconds = (t) => (t < 60 ? `${t.toFixed(1)} s` : `${Math.floor(t / 60)}:${(t % 60).toFixed(1).padStart(4, "0")}`);

  const show = (answer, t) => {
    for (const seek of answer.querySelectorAll(".fo-seek")) {
      const last = Number(seek.getAttribute("aria-valuemax"));
      const at = Math.min(Math.max(t, 0), last);
      seek.setAttribute("aria-valuenow", at.toFixed(2));
      seek.setAttribute("aria-valuetext", seconds(at));
      seek.firstElementChild.style.left = `${(100 * at) / Math.max(last, 1e-3)}%`;
    }
  };

  const begin = (player) => {
    const answer = player.closest(".fo-answer");
    player.dataset.begun = "yes";
    if (!player.getAttribute("src")) {
      const size = Number(player.dataset.size);
      const same = chosen.filter((file) => file.size === size);
      const file = same.find((one) => one.name === player.dataset.name) ?? same[0];
      if (!file) return;
      player.src = URL.createObjectURL(file);
    }
    player.addEventListener("loadedmetadata", () => {
      player.closest("figure").hidden = false;
      answer.classList.add("fo-plays");
      show(answer, 0);
    });
    player.addEventListener("timeupdate", () => show(answer, player.currentTime));
    player.addEventListener("error", () => {
      player.closest("figure").hidden = true;
      answer.classList.remove("fo-plays");
    });
  };

  const seek = (element, t) => {
    const answer = element.closest(".fo-answer");
    const player = answer.querySelector("video.fo-player");
    const last = Number(element.getAttribute("aria-valuemax"));
    if (!player) return;
    player.currentTime = Math.min(Math.max(t, 0), last);
    show(answer, player.currentTime);
  };

  document.addEventListener("click", (event) => {
    const element = event.target instanceof Element && event.target.closest(".fo-seek");
    if (!element) return;
    const box = element.getBoundingClientRect();
    const share = (event.clientX - box.left) / Math.max(box.width, 1);
    seek(element, share * Number(element.getAttribute("aria-valuemax")));
  });

  document.addEventListener("keydown", (event) => {
    const element = event.target instanceof Element && event.target.closest(".fo-seek");
    if (!element) return;
    const now = Number(element.getAttribute("aria-valuenow"));
    const last = Number(element.getAttribute("aria-valuemax"));
    const step = Math.max(last / 50, 0.04);
    const to = {
      ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step,
      PageDown: now - 5 * step, PageUp: now + 5 * step, Home: 0, End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    seek(element, to);
  });

  new MutationObserver(() => {
    for (const player of document.querySelectorAll("video.fo-player:not([data-begun])")) begin(player);
  }).observe(document.body, { childList: true, subtree: true });
}
