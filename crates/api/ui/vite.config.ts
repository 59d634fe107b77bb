// How the page is built: one script, one style sheet, nothing inline, nothing from elsewhere.
//
// The output is the same for the same sources, so that two checkouts embed the same bytes.

import { defineConfig } from 'vite';

const config = defineConfig({
  build: {
    target: 'es2020',
    // A data: URL in a style sheet would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    // The server takes commands only from the page's own address, so Host stays as the browser said it.
    proxy: { '/api': { target: process.env.FOREWARN_API ?? 'http://127.0.0.1:8080', changeOrigin: false } },
  },
});

export default config;
