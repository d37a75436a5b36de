/** The scenes of growth.test.ts with more hosts. */
import "./growth.test.ts";
