#!/usr/bin/env node
import { launch } from "./src/cli/launch.js";

launch(["edge"]);
