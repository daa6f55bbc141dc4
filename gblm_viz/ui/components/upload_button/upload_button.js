// Sends a chosen file straight to the server's memory, and tells the page the token it waits under.
// What goes wrong is told as a status; the sentence for it is the page's.

const button = element.querySelector("button"), box = element.querySelector("input");

function accept() {
  const value = props.value || { label: "", types: "", ready: false };
  button.textContent = value.label;
  button.disabled = !value.ready;
  box.accept = value.types;
}

async function send(file) {
  const told = { name: file.name.slice(0, 200), size: file.size, token: "", status: 0 };
  button.disabled = true;
  try {
    const answer = await fetch(new URL("../upload", document.baseURI), {
      method: "POST", body: file, headers: {
        "Content-Type": "application/octet-stream", "X-Name": encodeURIComponent(told.name),
        "X-Visit": window.sessionStorage.getItem("gblm-visit") || "" } });
    told.status = answer.status;
    if (answer.ok) told.token = (await answer.json()).token;
  } catch { /* the connection broke: status stays 0 */ }
  button.disabled = false;
  trigger("upload", { file: told });
}

button.addEventListener("click", () => box.click());
box.addEventListener("change", () => {
  const file = box.files[0];
  box.value = "";                                        // so that the same file can be chosen again
  if (file) send(file);
});
watch("value", accept);
accept();
