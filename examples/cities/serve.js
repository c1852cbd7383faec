// Serves this folder, and nothing else, on 127.0.0.1: `node serve.js [PORT]`. The page talks to the gateway by itself.
'use strict';

const { createServer } = require('node:http');
const { createReadStream } = require('node:fs');
const { extname, join, normalize } = require('node:path');

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };
const port = Number(process.argv[2] ?? 8000);

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const path = normalize(pathname === '/' ? '/index.html' : decodeURIComponent(pathname));
  const type = TYPES[extname(path)];
  const file = createReadStream(join(__dirname, path));
  if (!type || path.includes('..')) {
    file.destroy();
    response.writeHead(404).end();
    return;
  }
  file.on('error', () => response.writeHead(404).end());
  file.on('open', () => {
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
    file.pipe(response);
  });
});
server.on('error', error => {
  console.error(`cannot listen on 127.0.0.1:${port}: ${error.message}\nchoose another port: node serve.js 8001`);
  process.exit(1);
});
server.listen(port, '127.0.0.1', () => console.log(`Open http://127.0.0.1:${server.address().port} in two tabs. Ctrl-C ends it.`));
