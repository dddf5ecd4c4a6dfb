import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import { importArrows } from "./tools/eslint/import-arrows.ts";

const etherloom = { rules: { "import-arrows": importArrows } };

const noDefaultExport = {
  selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
  message: "Export by name: a thing has the same name everywhere.",
};

export default defineConfig(
  globalIgnores(["dist/", "coverage/", "src/native/build/", "node_modules/"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { etherloom },
    rules: {
      "etherloom/import-arrows": ["error", `${import.meta.dirname}/src`],
      "no-restricted-syntax": ["error", noDefaultExport],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "object-shorthand": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "separate-type-imports" }],
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { arguments: false } }],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // A main thread blocked by a synchronous call stalls handshakes; programs of the house write through the logger.
    files: ["src/**/*.ts"],
    ignores: ["src/cli/**"],
    rules: { "no-console": "error" },
  },
);
