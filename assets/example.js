// In the demonstration: puts an entry on this device that waits for its person, as one typed without network does.
import { announce, enqueue, LINE } from "./queue.js";

for (const button of document.querySelectorAll("[data-example]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const { person } = document.body.dataset;
    await enqueue({ key: crypto.randomUUID(), person, at: Date.now(), title: "快记", text: button.dataset.example }, LINE);
    announce();
  });
}
