package shop;

import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.JdbcTemplate;

/** An application with a data source and nothing else: all that it knows about logins is in application.yml. */
@SpringBootApplication
public class Application {
  public static void main(String[] arguments) {
    SpringApplication.run(Application.class, arguments);
  }

  @Bean
  CommandLineRunner showUser(JdbcTemplate database) {
    return arguments -> {
      System.out.println("user: " + database.queryForObject("SELECT current_user", String.class));
      Thread.sleep(Long.MAX_VALUE);
    };
  }
}
