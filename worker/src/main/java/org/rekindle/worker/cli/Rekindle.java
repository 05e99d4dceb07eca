package org.rekindle.worker.cli;

import java.io.PrintWriter;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. Every command takes the original's dot-list: {@code key=value} arguments after its name. */
@Command(
        name = "rekindle",
        description = "Trains Stable Diffusion from scratch, at scale, on the JVM.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = Rekindle.Version.class,
        mixinStandardHelpOptions = true,
        scope = CommandLine.ScopeType.INHERIT,
        subcommands = {
            TrainCommand.class,
            GenerateCommand.class,
            InitCommand.class,
            ExportCommand.class,
            TokenizeCommand.class,
            ShardsCommand.class,
            VerifyCommand.class,
            BenchCommand.class
        })
public final class Rekindle {

    private static final Logger LOG = LoggerFactory.getLogger(Rekindle.class);

    public static void main(String[] arguments) {
        int exitCode = commandLine().execute(arguments);
        System.exit(exitCode);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Rekindle())
                .setExecutionExceptionHandler((exception, command, parsed) -> report(exception, command.getErr()));
    }

    /** One line for whoever typed the command; the stack trace of a defect goes to the log only. */
    private static int report(Exception exception, PrintWriter err) {
        if (exception instanceof UserException) {
            err.println("rekindle: " + exception.getMessage());
        } else {
            LOG.debug("internal error", exception);
            err.println("rekindle: internal error: " + exception
                    + "; this is a defect, please report it with the output of REKINDLE_LOG_LEVEL=debug");
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    /** The version that Maven wrote into the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Rekindle.class.getPackage().getImplementationVersion();
            return new String[] {"rekindle " + (version == null ? "(development build)" : version)};
        }
    }
}
