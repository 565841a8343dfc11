// The API's page: RapiDoc shows /openapi.json, in the colours the reader's system has.
import "rapidoc";

const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => document.getElementById("docs")!.setAttribute("theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", apply);
apply();
