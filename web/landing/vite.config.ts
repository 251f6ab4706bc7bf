import { defineConfig } from 'vite';
import { page } from '../vite.shared.ts';

// Served at the root beside every other route, so its assets live in a folder of their own name.
export default defineConfig(page('./landing/', '/', 'landing'));
