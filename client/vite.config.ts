import react from '@vitejs/plugin-react';
import { loadEnv } from 'vite';
import { defineConfig } from 'vitest/config';

/** Each surface is a page and a bundle of its own; what they share lands in common chunks. */
export default defineConfig(({ mode }) => {
  // loadEnv reads the process environment as well, so that `PORT=4000 npm run dev` reaches the same server.
  const target = `http://127.0.0.1:${loadEnv(mode, '.', 'PORT').PORT ?? '3000'}`;
  return {
    root: import.meta.dirname,
    plugins: [react()],
    build: {
      outDir: 'dist',
      manifest: true,
      // Assets stay files: a data: font or script would be refused by the page's content security policy.
      assetsInlineLimit: 0,
      rolldownOptions: { input: ['index.html', 'control-room.html'] },
    },
    server: { proxy: { '/socket.io': { target, ws: true }, '/api': { target } } },
    test: { name: 'client', environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
  };
});
