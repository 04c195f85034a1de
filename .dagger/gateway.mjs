// Passes connections on: node gateway.mjs PORT=HOST…
import net from "node:net";

for (const [port, host] of process.argv.slice(2).map((way) => way.split("="))) {
  net
    .createServer((near) => {
      const far = net.connect(Number(port), host);
      near.on("error", () => far.destroy());
      far.on("error", () => near.destroy());
      near.pipe(far).pipe(near);
    })
    .listen(Number(port), "0.0.0.0");
}
