// Refuses files that are too large before Gradio sees them, whose own words count in bytes.
// `most`: bytes; `sentence`: what is said, with {name} and {size} for the file's.
(most, sentence) => {
  const told = new Map();

  const refuse = (event, files) => {
    const zone = event.target instanceof Element && event.target.closest("#fo-video, #fo-scores");
    if (!zone) return;
    told.get(zone.id)?.remove();
    const large = Array.from(files ?? []).find((file) => file.size > most);
    if (!large) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // The same file may be chosen again, and nothing hovers any more.
    if (event.type === "change") event.target.value = "";
    else event.target.dispatchEvent(new DragEvent("dragleave", { bubbles: true }));
    const box = document.createElement("div");
    box.className = "fo-box fo-refused fo-too-large";
    box.setAttribute("role", "alert");
    const size = (Math.ceil((10 * large.size) / 2 ** 20) / 10).toFixed(1);
    box.textContent = sentence.replace("{size}", size).replace("{name}", () => large.name);
    zone.after(box);
    told.set(zone.id, box);
  };

  document.addEventListener("change", (event) => refuse(event, event.target.files), true);
  document.addEventListener("drop", (event) => refuse(event, event.dataTransfer?.files), true);
}
