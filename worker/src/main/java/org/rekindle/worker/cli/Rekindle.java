package org.rekindle.worker.cli;

import java.io.PrintWriter;
import java.util.List;
import org.rekindle.data.UserException;
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
            LaunchCommand.class,
            ChaosCommand.class,
            StatusCommand.class,
            GenerateCommand.class,
            DownloadCommand.class,
            InitCommand.class,
            LatentsCommand.class,
            ExportCommand.class,
            TokenizeCommand.class,
            ShardsCommand.class,
            VerifyCommand.class,
            GoodputCommand.class,
            BenchCommand.class
        })
public final class Rekindle {

    public static void main(String[] arguments) {
        int exitCode = commandLine().execute(arguments);
        System.exit(exitCode);
    }

    static CommandLine commandLine() {
        return new CommandLine(new Rekindle())
                .setExpandAtFiles(false)
                .setParameterExceptionHandler((exception, arguments) -> explain(exception))
                .setExecutionExceptionHandler((exception, command, parsed) -> report(exception, command.getErr()));
    }

    /** A command that only groups others shows what there is; any other mistake is told in one line. */
    private static int explain(CommandLine.ParameterException exception) {
        CommandLine command = exception.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        boolean group = !command.getSubcommands().isEmpty();
        if (exception instanceof CommandLine.UnmatchedArgumentException unmatched) {
            String first = unmatched.getUnmatched().get(0);
            String what = group && !first.startsWith("-") ? "is no command" : "is no option here";
            List<String> near = unmatched.getSuggestions();
            String hint = near.isEmpty() ? "" : "; did you mean " + near.get(0) + "?";
            command.getErr().println("rekindle: " + first + " " + what + hint + " (" + name + " --help lists them)");
        } else if (group) {
            command.usage(command.getErr());
        } else {
            String line = exception.getMessage().replaceAll("\\R", " ");
            command.getErr().println("rekindle: " + line + "; see " + name + " --help");
        }
        return CommandLine.ExitCode.USAGE;
    }

    /** One line for whoever typed the command; the stack trace of a defect is for those who ask for it. */
    private static int report(Exception exception, PrintWriter err) {
        if (exception instanceof UserException) {
            err.println("rekindle: " + exception.getMessage());
        } else {
            err.println("rekindle: internal error: " + exception
                    + "; this is a defect, please report it with what REKINDLE_STACK_TRACE=1 adds to this line");
            if (System.getenv("REKINDLE_STACK_TRACE") != null) {
                exception.printStackTrace(err);
            }
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
